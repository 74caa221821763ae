; The installer of MeuMensageiro for Windows: for one user, without administrator rights. `cargo xtask dist` runs makensis
; with these definitions:
;   VERSION   what the programs say, for people
;   NUMBERS   the same as four numbers, for Windows
;   FILES     the folder with the programs and licenses.txt
;   OUTPUT    the installer
;   FAST      it is for tests, and need not be small
;
; /S installs or removes without a question, /D=FOLDER (last) chooses the folder, and /REMOVEDATA makes the uninstaller
; remove settings, messages and the server's data, too. Exit code 3: the programs run and could not be
; closed; 4: a newer version is installed.

Unicode true
Target amd64-unicode
ManifestDPIAware true
ManifestSupportedOS Win10
!ifdef FAST
  SetCompress off
!else
  SetCompressor /SOLID lzma
!endif
; The same files, the same installer, whenever they were built.
SetDateSave off
RequestExecutionLevel user

!include MUI2.nsh
!include LogicLib.nsh
!include FileFunc.nsh
!include WordFunc.nsh

!define APP "mensageiro.exe"
!define SERVER "mensageiro-server.exe"
!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\MeuMensageiro"
!define LINKS "Software\Classes\mensageiro"
; The name under which the app shows notifications (gui-client/src/notify.rs).
!define NOTIFICATIONS "Software\Classes\AppUserModelId\MeuMensageiro"
!define MENU "$SMPROGRAMS\MeuMensageiro"
; The app's profile and the data of the server that the app starts.
!define DATA "$LOCALAPPDATA\MeuMensageiro"

Name "MeuMensageiro"
OutFile "${OUTPUT}"
InstallDir "$LOCALAPPDATA\Programs\MeuMensageiro"
InstallDirRegKey HKCU "${UNINSTALL}" "InstallLocation"
BrandingText "MeuMensageiro ${VERSION}"

VIProductVersion "${NUMBERS}"
VIAddVersionKey "ProductName" "MeuMensageiro"
VIAddVersionKey "ProductVersion" "${VERSION}"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "FileDescription" "Installs MeuMensageiro"
VIAddVersionKey "LegalCopyright" "MIT OR Apache-2.0"

!define MUI_ICON "mensageiro.ico"
!define MUI_UNICON "mensageiro.ico"
!define MUI_ABORTWARNING
!define MUI_FINISHPAGE_RUN "$INSTDIR\${APP}"

!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_COMPONENTS
!insertmacro MUI_UNPAGE_INSTFILES

!insertmacro MUI_LANGUAGE "English"
!insertmacro MUI_LANGUAGE "PortugueseBR"

LangString RUNNING ${LANG_ENGLISH} "MeuMensageiro is running. It must be closed first: messages that wait to be sent are kept.$\r$\n$\r$\nClose it and go on?"
LangString RUNNING ${LANG_PORTUGUESEBR} "O MeuMensageiro está aberto. Ele precisa ser fechado primeiro: as mensagens que esperam para ser enviadas ficam guardadas.$\r$\n$\r$\nFechar e continuar?"
LangString STILL ${LANG_ENGLISH} "A program in $INSTDIR is still running. Close it, then try again."
LangString STILL ${LANG_PORTUGUESEBR} "Um programa em $INSTDIR ainda está aberto. Feche-o e tente de novo."
LangString NEWER ${LANG_ENGLISH} "Version $0 is installed, which is newer than ${VERSION}. An older version cannot read what a newer one has stored.$\r$\n$\r$\nInstall the older one?"
LangString NEWER ${LANG_PORTUGUESEBR} "A versão $0 está instalada, e é mais nova que a ${VERSION}. Uma versão mais antiga não lê o que uma mais nova guardou.$\r$\n$\r$\nInstalar a mais antiga?"
LangString PROGRAMS ${LANG_ENGLISH} "Programs"
LangString PROGRAMS ${LANG_PORTUGUESEBR} "Programas"
LangString EVERYTHING ${LANG_ENGLISH} "Also my settings and messages, and the data of the server"
LangString EVERYTHING ${LANG_PORTUGUESEBR} "Também minhas configurações e mensagens, e os dados do servidor"
LangString LINK ${LANG_ENGLISH} "MeuMensageiro link"
LangString LINK ${LANG_PORTUGUESEBR} "Link do MeuMensageiro"
LangString SERVERLINK ${LANG_ENGLISH} "MeuMensageiro Server"
LangString SERVERLINK ${LANG_PORTUGUESEBR} "Servidor do MeuMensageiro"

; Puts 1 on the stack if no program runs from these files: Windows lets nobody write to a program that runs.
!macro IsFree UN
Function ${UN}IsFree
  Push $0
  Push $1
  StrCpy $1 1
  ${If} ${FileExists} "$INSTDIR\${APP}"
    ClearErrors
    FileOpen $0 "$INSTDIR\${APP}" a
    ${If} ${Errors}
      StrCpy $1 0
    ${Else}
      FileClose $0
    ${EndIf}
  ${EndIf}
  ${If} ${FileExists} "$INSTDIR\${SERVER}"
    ClearErrors
    FileOpen $0 "$INSTDIR\${SERVER}" a
    ${If} ${Errors}
      StrCpy $1 0
    ${Else}
      FileClose $0
    ${EndIf}
  ${EndIf}
  Exch
  Pop $0
  Exch $1
FunctionEnd
!macroend

; Waits until nothing runs from these files, 10 seconds at most. Puts 1 on the stack if that is so.
!macro AwaitEnd UN
Function ${UN}AwaitEnd
  Push $2
  StrCpy $2 0
  ${Do}
    Call ${UN}IsFree
    Pop $1
    ${If} $1 == 1
    ${OrIf} $2 >= 50
      ${Break}
    ${EndIf}
    IntOp $2 $2 + 1
    Sleep 200
  ${Loop}
  Pop $2
  Push $1
FunctionEnd
!macroend

; Asks to close what runs, and closes it: the app as by its button, the server by its own command. Ends with exit code 3 if
; something keeps running.
!macro CloseAll UN
Function ${UN}CloseAll
  Call ${UN}IsFree
  Pop $1
  ${If} $1 == 1
    Return
  ${EndIf}
  MessageBox MB_OKCANCEL|MB_ICONINFORMATION "$(RUNNING)" /SD IDOK IDOK closing
  SetErrorLevel 3
  Quit
closing:
  nsExec::Exec '"$SYSDIR\taskkill.exe" /IM ${APP}'
  Pop $0
  nsExec::Exec '"$INSTDIR\${SERVER}" stop'
  Pop $0
  Call ${UN}AwaitEnd
  Pop $1
  ${If} $1 == 1
    Return
  ${EndIf}
  ; A server of another folder. It loses nothing that it has acknowledged.
  nsExec::Exec '"$SYSDIR\taskkill.exe" /F /IM ${SERVER}'
  Pop $0
again:
  Call ${UN}AwaitEnd
  Pop $1
  ${If} $1 == 1
    Return
  ${EndIf}
  MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "$(STILL)" /SD IDCANCEL IDRETRY again
  SetErrorLevel 3
  Quit
FunctionEnd
!macroend

!insertmacro IsFree ""
!insertmacro AwaitEnd ""
!insertmacro CloseAll ""
!insertmacro IsFree "un."
!insertmacro AwaitEnd "un."
!insertmacro CloseAll "un."

Function .onInit
  ReadRegStr $0 HKCU "${UNINSTALL}" "DisplayVersion"
  ReadRegStr $1 HKCU "${UNINSTALL}" "Numbers"
  ${If} $1 != ""
    ${VersionCompare} $1 "${NUMBERS}" $2
    ${If} $2 == 1
      MessageBox MB_YESNO|MB_ICONEXCLAMATION "$(NEWER)" /SD IDNO IDYES older
      SetErrorLevel 4
      Quit
    older:
    ${EndIf}
  ${EndIf}
FunctionEnd

Section "$(PROGRAMS)"
  Call CloseAll
  SetOutPath "$INSTDIR"
  SetOverwrite on
  File "${FILES}\${APP}"
  File "${FILES}\${SERVER}"
  File "${FILES}\licenses.txt"
  WriteUninstaller "$INSTDIR\uninstall.exe"

  CreateDirectory "${MENU}"
  CreateShortCut "${MENU}\MeuMensageiro.lnk" "$INSTDIR\${APP}"
  ; The prompt stays open when the server ends, so that one can read why.
  CreateShortCut "${MENU}\$(SERVERLINK).lnk" "$SYSDIR\cmd.exe" '/k ""$INSTDIR\${SERVER}" --init"' "$INSTDIR\${SERVER}"

  ; The -- keeps whatever a link contains from being an option.
  WriteRegStr HKCU "${LINKS}" "" "URL:$(LINK)"
  WriteRegStr HKCU "${LINKS}" "URL Protocol" ""
  WriteRegStr HKCU "${LINKS}\DefaultIcon" "" "$INSTDIR\${APP},0"
  WriteRegStr HKCU "${LINKS}\shell\open\command" "" '"$INSTDIR\${APP}" -- "%1"'
  WriteRegStr HKCU "${NOTIFICATIONS}" "DisplayName" "MeuMensageiro"
  WriteRegStr HKCU "${NOTIFICATIONS}" "IconUri" "$INSTDIR\${APP}"

  WriteRegStr HKCU "${UNINSTALL}" "DisplayName" "MeuMensageiro"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${UNINSTALL}" "Numbers" "${NUMBERS}"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayIcon" "$INSTDIR\${APP},0"
  WriteRegStr HKCU "${UNINSTALL}" "Publisher" "MeuMensageiro"
  WriteRegStr HKCU "${UNINSTALL}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKCU "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKCU "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKCU "${UNINSTALL}" "NoModify" 1
  WriteRegDWORD HKCU "${UNINSTALL}" "NoRepair" 1
  ${GetSize} "$INSTDIR" "/S=0K /G=0" $0 $1 $2
  WriteRegDWORD HKCU "${UNINSTALL}" "EstimatedSize" $0
SectionEnd

; Before the programs are gone, as the app finds its private keys in Windows' keyring.
Section /o "un.$(EVERYTHING)" REMOVEDATA
  Call un.CloseAll
  nsExec::Exec '"$INSTDIR\${APP}" --forget-keys'
  Pop $0
  RMDir /r "${DATA}"
SectionEnd

Section "un.$(PROGRAMS)"
  SectionIn RO
  Call un.CloseAll
  Delete "$INSTDIR\${APP}"
  Delete "$INSTDIR\${SERVER}"
  Delete "$INSTDIR\licenses.txt"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
  Delete "${MENU}\*.lnk"
  RMDir "${MENU}"
  ; Somebody else may have taken the links since.
  ReadRegStr $0 HKCU "${LINKS}\shell\open\command" ""
  ${If} $0 == '"$INSTDIR\${APP}" -- "%1"'
    DeleteRegKey HKCU "${LINKS}"
  ${EndIf}
  DeleteRegKey HKCU "${NOTIFICATIONS}"
  DeleteRegKey HKCU "${UNINSTALL}"
SectionEnd

Function un.onInit
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/REMOVEDATA" $1
  ${IfNot} ${Errors}
    !insertmacro SelectSection ${REMOVEDATA}
  ${EndIf}
FunctionEnd
